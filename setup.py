"""What pyproject.toml cannot say beside finding the packages: the samples in data/ are shipped as `flows.samples`."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["flows*", "stages*", "expectations*"]), "flows.samples"],
    package_dir={"flows.samples": "data/samples"},
)

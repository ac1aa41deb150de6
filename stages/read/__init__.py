"""Read: the bytes of one source become raw text, with the encoding and how it was found."""

"""Tables: the contract, how every source ended, and the store that keeps what is published."""

"""The store on a relational database."""

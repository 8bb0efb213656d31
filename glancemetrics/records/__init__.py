"""What a record is: its columns, what it can be counted by, and what is made of its values."""

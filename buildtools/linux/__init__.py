"""What Linux wants: program files."""

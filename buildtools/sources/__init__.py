"""What a layer is made of: files on this disk, products of build commands, fetched release assets."""

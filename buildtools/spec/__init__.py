"""What people write: `image.yaml` and `defaults.yaml`, from text to frozen values, every fault located."""

"""What stands between the devices and a laboratory: other names, other units, what it has not."""

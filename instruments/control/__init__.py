"""What a laboratory rack does by itself: control loops and interlocks."""

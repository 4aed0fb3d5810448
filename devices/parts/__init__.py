"""The devices that instruments are made of: motors, magnets, receiver, clock, interlock."""

"""What requests may ask: parameters and bodies, checked and typed."""

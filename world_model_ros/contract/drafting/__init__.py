"""First contracts written from a URDF, and the marks at what a person has to fill in."""

"""What a URDF says: its tree of links, its numbers, its text, its meshes."""

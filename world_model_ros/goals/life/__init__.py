"""Goals with a life: asked, pursued, watched, and ended for a reason."""

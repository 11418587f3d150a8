"""What is special about grippers: a bounded squeeze, and goals for action servers."""

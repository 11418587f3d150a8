"""The sampling planner, costs and goals as torch modules; exists to be exported."""

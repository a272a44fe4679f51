"""Where HTTP endpoints meet FastAPI and Lambda."""

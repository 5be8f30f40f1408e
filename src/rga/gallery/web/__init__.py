"""A gallery's page and its API: what people and programs reach it by, and what keeps others out."""

from rga.extras import require

require("fastapi", "python_multipart", "uvicorn")

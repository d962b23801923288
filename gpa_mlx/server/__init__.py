"""The engine as a local HTTP server: OpenAI's audio interface, and what that lacks.

Built on Starlette and uvicorn (`pip install gpa-mlx[serve]`). Requests become jobs: planned at once, run on threads
of their own, all of them on the one engine thread, whose language model decodes them together.
"""

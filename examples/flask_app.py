"""
The page inside a Flask application
===================================

An application of your own, with colorful's page under ``/photos`` and a route that uses the same model.
Run it with ``flask --app examples/flask_app.py run``; for visitors, use a real server.
"""

from io import BytesIO

from flask import Flask, Response, abort, request

from colorful import Colorizer, images
from colorful.errors import ImageError
from colorful.web import Limits, create_blueprint

colorizer = Colorizer.from_pretrained("lite")
limits = Limits(request_bytes=16 << 20, pixels=24_000_000)

app = Flask(__name__)
app.register_blueprint(create_blueprint(colorizer=colorizer, limits=limits), url_prefix="/photos")


@app.get("/")
def home() -> str:
    """Show a page of one's own."""
    return '<h1>My album</h1><p><a href="/photos/">Color a photo</a></p>'


# %%
# A route of your own shares the loaded model; a Colorizer may be used from many threads.


@app.post("/thumbnail")
def thumbnail() -> Response:
    """Color a photo and make it small."""
    request.max_content_length = limits.request_bytes
    file = request.files.get("photo")
    if file is None:
        abort(400, "the form has no photo")
    try:
        picture = images.read(file.read(), max_pixels=limits.pixels)
    except ImageError as error:
        abort(400, str(error))
    image = colorizer.predict(picture).picture().unwrap()
    image.thumbnail((200, 200))
    buffer = BytesIO()
    image.convert("RGB").save(buffer, "JPEG")
    return Response(buffer.getvalue(), mimetype="image/jpeg")

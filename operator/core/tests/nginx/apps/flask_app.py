"""What a team's Flask application looks like to nginx, on gunicorn."""
import threading

from flask import Flask, Response, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
# What was sent, not what Flask would have it be.
app.url_map.merge_slashes = False
app.wsgi_app = ProxyFix(app.wsgi_app)
released = threading.Event()
state = {"received": 0, "executed": 0}
lock = threading.Lock()


@app.route("/events")
def events():
    def parts():
        yield "data: first\n\n"
        released.wait(20)
        yield "data: last\n\n"

    return Response(parts(), content_type="text/event-stream")


@app.route("/release")
def release():
    released.set()
    return "ok"


@app.route("/upload", methods=["POST"])
def upload():
    while part := request.stream.read(1):
        state["received"] += len(part)
    return str(state["received"])


@app.route("/early", methods=["POST"])
def early():
    return "no", 401


@app.route("/received")
def received():
    return str(state["received"])


@app.route("/count", methods=["GET", "POST"])
def count():
    with lock:
        state["executed"] += 1
    return request.get_data() or b"counted"


@app.route("/executed")
def executed():
    return str(state["executed"])


@app.route("/headers/<int:size>")
def headers(size):
    return Response("ok", headers=[("X-Large", "x" * 4000)] * (size // 4000))


@app.route("/secure")
def secure():
    return "secure" if request.is_secure else redirect(request.url.replace("http:", "https:", 1))


@app.route("/echo", methods=["GET", "POST"])
@app.errorhandler(404)
def echo(_=None):
    return {
        "method": request.method,
        "target": request.environ["RAW_URI"],
        "headers": [[name.lower(), value] for name, value in request.headers],
        "body": request.get_data(as_text=True),
    }

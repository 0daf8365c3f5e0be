"""What a team's FastAPI application looks like to nginx, on uvicorn."""
import asyncio
import sys

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse

app = FastAPI()
released = asyncio.Event()
state = {"received": 0, "executed": 0}


@app.websocket("/ws")
async def ws(socket: WebSocket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())


@app.get("/events")
async def events():
    async def parts():
        yield "data: first\n\n"
        await released.wait()
        yield "data: last\n\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


@app.get("/release")
async def release():
    released.set()
    return "ok"


@app.post("/upload")
async def upload(request: Request):
    async for part in request.stream():
        state["received"] += len(part)
    return PlainTextResponse(str(state["received"]))


@app.post("/early")
async def early():
    return Response("no", 401)


@app.get("/received")
async def received():
    return PlainTextResponse(str(state["received"]))


@app.api_route("/count", methods=["GET", "POST"])
async def count(request: Request):
    state["executed"] += 1
    return PlainTextResponse(await request.body() or b"counted")


@app.get("/executed")
async def executed():
    return PlainTextResponse(str(state["executed"]))


@app.get("/headers/{size}")
async def headers(size: int):
    response = Response("ok")
    response.raw_headers += [(b"x-large", b"x" * 4000)] * (size // 4000)
    return response


@app.get("/secure")
async def secure(request: Request):
    if request.url.scheme == "https":
        return "secure"
    return RedirectResponse(request.url.replace(scheme="https"))


@app.api_route("/echo{_:path}", methods=["GET", "POST", "HEAD"])
async def echo(request: Request):
    query = request.scope["query_string"]
    return {
        "method": request.method,
        "target": (request.scope["raw_path"] + (b"?" + query if query else b"")).decode(),
        "headers": [[name.decode(), value.decode()] for name, value in request.headers.raw],
        "body": (await request.body()).decode(),
    }


if __name__ == "__main__":
    # Shorter than any would be set to, so that requests meet the end of a connection often.
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        http="h11",
        h11_max_incomplete_event_size=200_000,
        timeout_keep_alive=0.005,
        log_level="warning",
    )

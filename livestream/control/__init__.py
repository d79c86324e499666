"""The control server: the desk's HTTP API, its live feed, and the pages.

    routes.py     every call of the API in one table, from which registration and OpenAPI are made
    api.py        from a request to a handler of the table and back: token, body, answer
    problems.py   what is said when something is not done (RFC 9457)
    auth.py       who is at the desk, and what that role may do
    desk.py       calls that change a room: one command to its engine, one answer
    rooms.py      calls that read a room · orders.py   the order book · admission.py   tickets
    desk_feed.py  the websocket that keeps a panel up to date
    pages.py      the panel and watch pages · health.py   /metrics, /livez, /readyz
    openapi.py, asyncapi.py, schemas.py   the two documents, made from the types in use
    server.py     the application, and the process's entry point `run`

Control decides nothing about money or stock: it asks the room's engine and tells what it answered,
or reads what the engine has written.
"""

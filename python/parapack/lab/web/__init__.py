"""What the `web` experiment is made of: an application, servers that serve it, clients that load them.

`app` and `serve` run in the server's process, `paced` in the client's; `server_process` and `load` start and
end those from the worker. `runners` measures; `summary`, `drawings` and `conclusions` say what came out.
"""

"""Provisions the store in the background and prints the notifications as they arrive."""
import json
import sys

import psycopg

listener = psycopg.connect(autocommit=True)  # PGHOST, PGDATABASE and so on say where
listener.execute("LISTEN ipam_provisioning")

with psycopg.connect() as starter:  # the worker begins with the commit at the end of the block
    (session_id,) = starter.execute("CALL ipam.initialize_async_provisioning()").fetchone()
    starter.execute("CALL ipam.start_async_provisioning(%s)", [session_id])

for notification in listener.notifies():
    message = json.loads(notification.payload)
    if message["session_id"] != session_id:
        continue
    print(message["event"], message.get("step_name", "-"), message.get("percent", "-"), flush=True)
    if message["event"] == "NotifyAsyncProvisionComplete":
        if message["result"] == "Failure":
            sys.exit(message["exception"]["message"])  # exit status 1
        break

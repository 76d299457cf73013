"""`gnocchetti serve` and a real Keystone, on SQLite: who is let in, what he sees, and what happens when a token or Keystone goes.

Reads an ordinary gnocchi.conf with a section keystone_authtoken. Every check is one line of the output; the last line counts them.
"""

import argparse
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

REMEMBERED = 8
PASSWORD = "correct horse"


class Failed(Exception):
    """What was expected did not happen."""


checks = 0


def check(what, found, expected):
    global checks
    if found != expected:
        raise Failed(f"{what}: {found!r} instead of {expected!r}")
    checks += 1
    print(f"ok: {what}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url, method="GET", token=None, body=None, headers=(), authority=None):
    """Status, headers and body of an answer; one by https comes from who is known by the certificate of this authority."""
    request = urllib.request.Request(url, method=method, headers=dict(headers))
    request.add_header("Accept", "application/json")
    if token:
        request.add_header("X-Auth-Token", token)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        context = authority and ssl.create_default_context(cafile=authority)
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def wait_for(url, process, authority=None):
    """Until the process answers there."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            return ask(url, authority=authority)
        except OSError:
            time.sleep(0.1)
    raise Failed(f"nothing answers at {url}")


class Keystone:
    """A Keystone of this machine, with users and projects."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v3"
        self.bin = pathlib.Path(sys.executable).parent
        config = folder / "keystone.conf"
        config.write_text(
            f"[DEFAULT]\nlog_file = {folder}/keystone.log\n"
            f"[database]\nconnection = sqlite:///{folder}/keystone.db\n"
            f"[fernet_tokens]\nkey_repository = {folder}/fernet\n"
            "[cache]\nenabled = false\n"
        )
        user = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
        self.manage("db_sync")
        self.manage("fernet_setup", *user)
        self.manage("bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-public-url", self.url)
        self.process = None
        self.start()
        self.admin = self.token("admin", "admin")

    def manage(self, *arguments):
        command = [self.bin / "keystone-manage", "--config-file", self.folder / "keystone.conf", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"keystone-manage {arguments[0]}: {done.stderr[-2000:]}")

    def start(self):
        self.process = self.serve(self.url, self.port)

    def serve(self, url, port, pem="", authority=None):
        """A process that answers at this URL, by https when there is a certificate."""
        environment = dict(os.environ, OS_KEYSTONE_CONFIG_FILES=str(self.folder / "keystone.conf"))
        command = [sys.executable, pathlib.Path(__file__).with_name("serve.py"), str(port), pem]
        with open(self.folder / "serve.log", "a") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(url, process, authority)
        except Failed as failed:
            process.kill()
            raise Failed(f"{failed}: {(self.folder / 'serve.log').read_text()[-2000:]}") from failed
        return process

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def do(self, method, path, body=None):
        status, _, answer = ask(self.url + path, method, self.admin, body)
        if status >= 300:
            raise Failed(f"Keystone: {method} {path}: {status} {answer}")
        return answer

    def role(self, name):
        found = self.do("GET", f"/roles?name={name}")["roles"]
        return found[0]["id"] if found else self.do("POST", "/roles", {"role": {"name": name}})["role"]["id"]

    def project(self, name):
        return self.do("POST", "/projects", {"project": {"name": name, "domain_id": "default"}})["project"]["id"]

    def user(self, name, project, role):
        body = {"user": {"name": name, "password": PASSWORD, "domain_id": "default"}}
        user = self.do("POST", "/users", body)["user"]["id"]
        self.do("PUT", f"/projects/{project}/users/{user}/roles/{self.role(role)}")
        return user

    def token(self, user, project):
        user = {"name": user, "password": PASSWORD, "domain": {"id": "default"}}
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        status, headers, answer = ask(self.url + "/auth/tokens", "POST", body=body)
        if status != 201:
            raise Failed(f"no token for {user['name']}: {status} {answer}")
        return headers["X-Subject-Token"]

    def revoke(self, token):
        status, _, _ = ask(self.url + "/auth/tokens", "DELETE", self.admin, headers={"X-Subject-Token": token})
        check("Keystone revokes a token", status, 204)


class Gnocchetti:
    """The server, with a gnocchi.conf."""

    def __init__(self, command, folder, url, more=""):
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        config = folder / "gnocchi.conf"
        config.write_text(
            f"[api]\nauth_mode = keystone\nhost = 127.0.0.1\nport = {port}\n"
            f"[storage]\nfile_basepath = {folder}/db\n"
            "[keystone_authtoken]\nauth_type = password\n"
            f"auth_url = {url}\nusername = gnocchi\npassword = {PASSWORD}\nproject_name = service\n"
            f"user_domain_name = Default\nproject_domain_id = default\ntoken_cache_time = {REMEMBERED}\n{more}"
        )
        self.log = open(folder / "gnocchetti.log", "w+")
        self.process = subprocess.Popen([command, "serve", "--config", config], stderr=self.log)
        wait_for(self.url + "/healthcheck", self.process)

    def stop(self):
        self.process.terminate()
        check("the server ends when it is told to", self.process.wait(30), 0)
        self.log.seek(0)
        check("no secret is in the log", PASSWORD in self.log.read(), False)

    def __call__(self, method, path, token=None, body=None):
        return ask(self.url + path, method, token, body)

    def status(self, method, path, token=None, body=None):
        return self(method, path, token, body)[0]


def who_may_do_what(server, keystone, users, projects, tokens):
    status, headers, _ = server("GET", "/v1/metric")
    check("without a token nobody is let in", status, 401)
    check("the client is told where Keystone is", headers["WWW-Authenticate"], f'Keystone uri="{keystone.url}"')
    check("what is no token is refused", server.status("GET", "/v1/metric", "no-token"), 401)
    check("a token that was changed is refused", server.status("GET", "/v1/metric", tokens["alice"][:-4] + "AAAA"), 401)
    check("a health check needs no token", server.status("GET", "/healthcheck"), 200)
    policy = {"name": "seconds", "definition": [{"granularity": 1}]}
    check("a member creates no policy", server.status("POST", "/v1/archive_policy", tokens["alice"], policy), 403)
    check("admin creates one", server.status("POST", "/v1/archive_policy", tokens["admin"], policy), 201)
    status, _, metric = server("POST", "/v1/metric", tokens["alice"], {"archive_policy_name": "seconds"})
    check("a member creates a metric", status, 201)
    check("its creator is user and project", metric["creator"], f"{users['alice']}:{projects['one']}")
    check("its creator's user", metric["created_by_user_id"], users["alice"])
    check("its creator's project", metric["created_by_project_id"], projects["one"])
    path = f"/v1/metric/{metric['id']}"
    measures = [{"timestamp": 1, "value": 42}]
    for who, read, push in [("alice", 200, 202), ("carl", 200, 202), ("bob", 403, 403), ("admin", 200, 202)]:
        check(f"{who} reads the metric", server.status("GET", path, tokens[who]), read)
        check(f"{who} reads its measures", server.status("GET", path + "/measures", tokens[who]), read)
        check(f"{who} pushes to it", server.status("POST", path + "/measures", tokens[who], measures), push)
    metrics = {"cpu": {"archive_policy_name": "seconds"}}
    resource = {"id": "00000000-0000-0000-0000-000000000001", "project_id": projects["two"], "metrics": metrics}
    status, _, made = server("POST", "/v1/resource/generic", tokens["alice"], resource)
    check("a resource for another project is made", status, 201)
    owned = f"/v1/metric/{made['metrics']['cpu']}"
    check("the project that owns the resource reads its metric", server.status("GET", owned, tokens["bob"]), 200)
    check("but does not push to it", server.status("POST", owned + "/measures", tokens["bob"], measures), 403)
    check("nor delete it", server.status("DELETE", owned, tokens["bob"]), 403)
    check("who shares the creator's project deletes the metric", server.status("DELETE", path, tokens["carl"]), 204)


def what_happens_when_something_goes(server, keystone, tokens):
    fresh = keystone.token("alice", "one")
    check("a new token is taken", server.status("GET", "/v1/metric", fresh), 200)
    keystone.revoke(fresh)
    check("it is remembered for a while after its end", server.status("GET", "/v1/metric", fresh), 200)
    time.sleep(REMEMBERED + 1)
    check("and then refused", server.status("GET", "/v1/metric", fresh), 401)
    another = keystone.token("bob", "two")
    check("somebody is known", server.status("GET", "/v1/metric", tokens["admin"]), 200)
    keystone.stop()
    check("who is known is let in without Keystone", server.status("GET", "/v1/metric", tokens["admin"]), 200)
    check("who is not is told to come again", server.status("GET", "/v1/metric", another), 503)
    keystone.start()
    check("and is let in when Keystone is back", server.status("GET", "/v1/metric", another), 200)


def certificates(folder, name, host):
    """An authority, and a file of PEM with a certificate of this machine's that it signed, and its key."""
    paths = {kind: folder / f"{name}.{kind}" for kind in ["ca", "ca-key", "key", "request", "certificate", "pem", "extensions"]}
    paths["extensions"].write_text(f"subjectAltName={host}\n")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for arguments in [
        ["req", "-x509", *new, "-days", "2", "-subj", f"/CN={name}", "-keyout", paths["ca-key"], "-out", paths["ca"]],
        ["req", *new, "-subj", "/CN=keystone", "-keyout", paths["key"], "-out", paths["request"]],
        ["x509", "-req", "-in", paths["request"], "-CA", paths["ca"], "-CAkey", paths["ca-key"], "-CAcreateserial", "-days", "2"]
        + ["-extfile", paths["extensions"], "-out", paths["certificate"]],
    ]:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"openssl {arguments[0]}: {done.stderr[-2000:]}")
    paths["pem"].write_text(paths["certificate"].read_text() + paths["key"].read_text())
    return paths["ca"], paths["pem"]


def who_is_taken_for_keystone(command, folder, keystone, token):
    authority, pem = certificates(folder, "one", "IP:127.0.0.1")
    another, _ = certificates(folder, "another", "IP:127.0.0.1")
    url = f"https://127.0.0.1:{(port := free_port())}/v3"
    public = "www_authenticate_uri = https://identity.example/v3\n"
    secure = keystone.serve(url, port, str(pem), authority)
    try:
        for number, (what, at, more, status) in enumerate(
            [
                ("a Keystone of https is known by its authority", url, f"cafile = {authority}\n{public}", 200),
                ("one of another authority is not asked", url, f"cafile = {another}\n", 503),
                ("nor one of another name", url.replace("127.0.0.1", "localhost"), f"cafile = {authority}\n", 503),
                ("unless it is said that anybody is taken for it", url, f"cafile = {another}\ninsecure = true\n", 200),
            ]
        ):
            (own := folder / f"https-{number}").mkdir()
            server = Gnocchetti(command, own, at, more)
            try:
                check(what, server.status("GET", "/v1/metric", token), status)
                if more.endswith(public):
                    told = server("GET", "/v1/metric")[1]["WWW-Authenticate"]
                    check("clients are told its public URL", told, 'Keystone uri="https://identity.example/v3"')
                server.stop()
            finally:
                server.process.kill()
    finally:
        secure.kill()
        secure.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True)
    command = parser.parse_args().command
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        keystone = Keystone(folder)
        try:
            projects = {name: keystone.project(name) for name in ["one", "two", "service"]}
            users = {
                name: keystone.user(name, projects[project], role)
                for name, project, role in [
                    ("alice", "one", "member"),
                    ("carl", "one", "member"),
                    ("bob", "two", "member"),
                    ("gnocchi", "service", "service"),
                ]
            }
            tokens = {"admin": keystone.admin}
            tokens |= {name: keystone.token(name, project) for name, project in [("alice", "one"), ("carl", "one"), ("bob", "two")]}
            server = Gnocchetti(command, folder, keystone.url)
            try:
                who_may_do_what(server, keystone, users, projects, tokens)
                what_happens_when_something_goes(server, keystone, tokens)
                server.stop()
            finally:
                server.process.kill()
            who_is_taken_for_keystone(command, folder, keystone, tokens["alice"])
        finally:
            keystone.stop()
    print(f"{checks} passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        print(f"FAILED: {failed}\n{checks} passed, 1 failed")
        sys.exit(1)

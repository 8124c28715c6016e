"""What the situations share: a server, directories, the tool, and how two trees are compared."""
import hashlib
import os
import random
import resource
import shutil
import stat
import subprocess
import tempfile
import time

TEMP = ".usrbio-cp-"
HANG_S = 300  # nothing here takes this long, on a busy machine either; a command that does hangs


class Failure(Exception):
    """A situation did not end as it has to; lost: data is gone, or wrong."""

    def __init__(self, text, lost=False):
        super().__init__(text)
        self.lost = lost


def check(condition, text, lost=False):
    if not condition:
        raise Failure(text, lost)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def snapshot(top):
    """Every name below: what it is, its permissions, and what is in it."""
    found = {}
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(where, name)
            st = os.lstat(path)
            rel = os.path.relpath(path, top)
            if stat.S_ISLNK(st.st_mode):
                found[rel] = ("link", os.readlink(path))
            elif stat.S_ISREG(st.st_mode):
                found[rel] = ("file", oct(st.st_mode & 0o7777), digest(path))
            elif stat.S_ISDIR(st.st_mode):
                found[rel] = ("directory", oct(st.st_mode & 0o7777))
            else:
                found[rel] = ("special", stat.S_IFMT(st.st_mode))
    return found


def differences(a, b):
    return [f"{n}: {a.get(n)} / {b.get(n)}" for n in sorted(set(a) | set(b)) if a.get(n) != b.get(n)]


def put(path, data=b"", mode=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    if mode is not None:
        os.chmod(path, mode)


def noise(n, seed=None):
    return random.Random(seed).randbytes(n) if seed is not None else os.urandom(n)


class Fixture:
    """x/s and x/t are source and target, x/outside is neither; x is exported, and x/t once more."""

    def __init__(self, build):
        self.tool = os.path.abspath(os.path.join(build, "client/usrbio"))
        self.server_path = os.path.abspath(os.path.join(build, "server/usrbio-server"))
        self.top = tempfile.mkdtemp(prefix="usrbio-copy-")
        os.chmod(self.top, 0o755)
        self.server = None
        self.port = 0
        self.fresh()
        self.serve()

    def serve(self):
        out = open(os.path.join(self.top, "out"), "w+")
        log = open(os.path.join(self.top, "log"), "w")
        self.server = subprocess.Popen(
            [self.server_path, "--listen", "tcp://127.0.0.1:0", "--export", f"data={self.top}/x",
             "--export", f"inner={self.top}/x/t", "--export", "proc=/proc,ro",
             "--sandbox", "on"], stdout=out, stderr=log)
        for _ in range(200):
            out.seek(0)
            said = out.read()
            if "ready" in said:
                self.port = int(said.split("127.0.0.1:")[1].split()[0])
                return
            check(self.server.poll() is None, "the server ended")
            time.sleep(0.05)
        raise Failure("the server did not say its port")

    def close(self):
        self.server.terminate()
        self.server.wait()
        self.clean(self.top)

    @staticmethod
    def clean(path):
        subprocess.run(["chmod", "-R", "u+rwx", path], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(path, ignore_errors=True)

    def fresh(self):
        """Empty x/s and x/t, in place: the server has them open as exports."""
        for name in ("x/s", "x/t", "x/outside"):
            path = os.path.join(self.top, name)
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o755)
            for below in os.listdir(path):
                victim = os.path.join(path, below)
                if os.path.isdir(victim) and not os.path.islink(victim):
                    self.clean(victim)
                else:
                    os.unlink(victim)
        for below in os.listdir(self.top + "/x"):
            if below not in ("s", "t", "outside"):
                self.clean(os.path.join(self.top, "x", below))
        self.clean(os.path.join(self.top, "r"))

    def path(self, rel):
        return os.path.join(self.top, "x", rel)

    def url(self, rel, host="127.0.0.1", options=""):
        return f"tcp://{host}:{self.port}/data{options}/{rel}"

    def name(self, kind, rel):
        """A name of x/REL: local, by tcp, by another name of that host, or by loop."""
        return {"local": self.path, "tcp": self.url,
                "host": lambda r: self.url(r, "localhost"),
                "options": lambda r: self.url(r, options="?nconnect=2"),
                "loop": lambda r: f"loop://{self.top}/x?/{r}"}[kind](rel)

    def run(self, *args, timeout=HANG_S, nofile=None, held=0, umask=0o022, uid=None, fsize=None):
        """Run the tool, which inherits `held` descriptors; its status, and what it said."""
        def prepare():
            for _ in range(held):
                os.dup2(0, os.open("/dev/null", os.O_RDONLY), inheritable=True)
            os.umask(umask)
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
            if fsize:
                resource.setrlimit(resource.RLIMIT_FSIZE, (fsize, fsize))
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
        done = subprocess.run([self.tool, *args], capture_output=True, timeout=timeout,
                              preexec_fn=prepare, close_fds=not held, cwd=self.top,
                              check=False)
        check(done.returncode >= 0, f"the tool was ended by signal {-done.returncode}")
        return done.returncode, done.stderr.decode(errors="replace")

    def cp(self, *args, **more):
        return self.run("cp", "-q", *args, **more)

    def start(self, *args):
        return subprocess.Popen([self.tool, *args], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, cwd=self.top)

    def temps(self, top=None):
        return [os.path.join(w, n) for w, d, f in os.walk(top or self.top + "/x")
                for n in d + f if n.startswith(TEMP)]

    def no_temps(self):
        check(not self.temps(), f"left behind: {self.temps()[:3]}")

    def like_cp(self, way, args, options=(), cp_options=("-rL",), differ=False, umask=0o022):
        """
        Run the tool and cp(1) on equal trees: the same result and the same kind of status. args are
        names below x; the last is the target. differ: the status may differ, the trees may not.
        """
        self.clean(self.top + "/r")
        subprocess.run(["cp", "-a", self.top + "/x", self.top + "/r"], check=True)
        before = snapshot(self.path("s"))
        cp = subprocess.run(["cp", *cp_options, "--", *[os.path.join(self.top, "r", a) for a in args]],
                            capture_output=True, check=False, preexec_fn=lambda: os.umask(umask))
        names = [self.name(way[0], a) for a in args[:-1]] + [self.name(way[1], args[-1])]
        status, said = self.cp("-r", *options, *names, umask=umask)
        self.no_temps()
        diff = differences(snapshot(self.top + "/r"), snapshot(self.top + "/x"))
        check(not differences(before, snapshot(self.path("s"))), "the source changed", lost=True)
        check(not diff, f"cp(1) / usrbio cp: {diff[:4]}; said: {said[-300:]}", lost=not status)
        if not differ:
            check(bool(status) == bool(cp.returncode),
                  f"status {status}, cp(1): {cp.returncode} {cp.stderr[-200:]}; said: {said[-300:]}")
        return status, said

    @staticmethod
    def kill(process, number):
        try:
            process.send_signal(number)
        except ProcessLookupError:
            pass


WAYS = {"up": ("local", "tcp"), "down": ("tcp", "local"), "across": ("tcp", "host"),
        "loop-up": ("local", "loop"), "loop-down": ("loop", "local"), "local": ("local", "local")}

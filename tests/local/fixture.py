"""The machine that the evil user plays on: users, directories, programs, and how cases are counted."""
import contextlib
import ctypes
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import traceback

ROOT, VICTIM, EVIL = 0, 1701, 1702
HANG_S = 30  # what takes longer hangs

cases = []


def case(name):
    """A situation by its name, as SECURITY.md calls it."""
    def add(function):
        cases.append((name, function))
        return function
    return add


class NotPlayed(Exception):
    """What this machine cannot do."""


class Fixture:
    def __init__(self, build):
        self.top = tempfile.mkdtemp(prefix="usrbio-local-", dir="/tmp")
        os.chmod(self.top, 0o755)
        self.nr = 0
        self.base = None
        self.bin = os.path.join(self.top, "bin")
        os.mkdir(self.bin)
        # Where other users may run them, however closed the build's folder is.
        for program in ("client/usrbio", "server/usrbio-server", "tests/local/local_probe"):
            shutil.copy(os.path.join(build, program), self.bin)
        for library in glob.glob(os.path.join(build, "client", "libusrbio.so*")):
            shutil.copy(library, self.bin, follow_symlinks=True)
        self.build = build
        self.env = dict(os.environ, LD_LIBRARY_PATH=self.bin, LC_ALL="C")
        for name in ("USRBIO_MOUNTS", "USRBIO_LOG", "USRBIO_KEY", "USRBIO_KEYS"):
            self.env.pop(name, None)

    def begin(self):
        """A fresh folder for a case."""
        self.nr += 1
        self.base = os.path.join(self.top, str(self.nr))
        os.mkdir(self.base, 0o755)

    def close(self):
        shutil.rmtree(self.top, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.base, name)

    # What somebody makes. Names are below the case's folder.

    def dir(self, name, owner=ROOT, mode=0o755):
        path = self.path(name)
        os.mkdir(path)
        os.chown(path, owner, owner)
        os.chmod(path, mode)
        return path

    def file(self, name, text="", owner=ROOT, mode=0o644):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.chown(path, owner, owner)
        os.chmod(path, mode)
        return path

    def link(self, target, name, owner=EVIL):
        path = self.path(name)
        os.symlink(target, path)
        os.lchown(path, owner, owner)
        return path

    def attached(self, name, url="tcp://127.0.0.1:1/evil", owner=ROOT, mode=0o755, conf_owner=None):
        """A directory with a conf, all of one owner unless said otherwise."""
        path = self.dir(name, owner, mode)
        self.dir(name + "/3fs-virt", owner)
        self.dir(name + "/3fs-virt/iovs", owner, 0o1777)
        self.file(name + "/3fs-virt/usrbio.conf", url + "\n",
                  owner if conf_owner is None else conf_owner)
        return path

    # Programs.

    def run(self, uid, program, *args, mounts=None, before=None, instead=None):
        env = dict(self.env)
        if mounts is not None:
            env["USRBIO_MOUNTS"] = mounts
        command = [instead or os.path.join(self.bin, program), *args]

        def become():
            if before:
                before()
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)

        return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=HANG_S, cwd="/", check=False,
                              preexec_fn=become)

    def probe(self, uid, *args, **more):
        result = self.run(uid, "local_probe", *args, **more)
        assert result.returncode == 0, result
        return result.stdout.strip(), result.stderr

    def mount_of(self, uid, path, times=1, **more):
        return self.probe(uid, "mount", path, str(times), **more)

    def ignores(self, uid, path, *words, **more):
        """A path that is on no mount for a user, and the log says why: in one line with these words."""
        mount, said = self.mount_of(uid, path, 3, **more)
        assert mount == "none", f"{path} lies on {mount}"
        lines = [line for line in said.splitlines() if " is ignored: " in line]
        assert len(lines) == (1 if words else 0), said
        for word in words:
            assert word in lines[0], lines[0]
        if words and "instead" not in more:
            self.says_why(self.tool(uid, "stat", path, **more), words)

    @staticmethod
    def says_why(result, words):
        """The tool says in its one line what the log would."""
        assert result.returncode == 1 and result.stderr.count("\n") == 1, result
        for word in ("not on a usrbio mount", "is ignored: ", *words):
            assert word in result.stderr, result.stderr

    def believes(self, uid, path, mount, **more):
        got, said = self.mount_of(uid, path, **more)
        assert got == mount, f"{path} lies on {got}: {said}"

    def tool(self, uid, *args, **more):
        return self.run(uid, "usrbio", *args, **more)

    def refuses(self, uid, *args, words=()):
        """The tool fails, and says why."""
        result = self.tool(uid, *args)
        assert result.returncode == 1, result
        for word in words:
            assert word in result.stderr, result.stderr

    @contextlib.contextmanager
    def serving(self, export):
        """A server of root's for a directory; its URL."""
        command = [os.path.join(self.bin, "usrbio-server"), "--export", f"e={export}", "--listen",
                   "tcp://127.0.0.1:0", "--log", "off"]
        server = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, text=True)
        try:
            url = None
            for line in server.stdout:
                if line.startswith("listening on "):
                    url = line.split()[-1] + "/e"
                if "ready" in line:
                    break
            assert url, "no server"
            yield url
        finally:
            server.terminate()
            server.wait()
            server.stdout.close()

    @contextlib.contextmanager
    def meanwhile(self, uid, function):
        """A process of a user that does something over and over."""
        pid = os.fork()
        if not pid:
            try:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                while True:
                    with contextlib.suppress(OSError):
                        function()
            finally:
                os._exit(1)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000


def mount(source, target, kind, flags, options):
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def private_mounts():
    """Mounts from here on are this process's alone."""
    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", "none", MS_REC | MS_PRIVATE, "")


def unmount(target):
    libc.umount2(target.encode(), 2)


def play(fixture, wanted):
    """Run the cases; the counts of those played, of those not to be played here, and of escapes."""
    played = left_out = escapes = 0
    for name, function in cases:
        if wanted and name not in wanted:
            continue
        fixture.begin()
        try:
            function(fixture)
            played += 1
            print(f"RESULT local-{name} ok", flush=True)
        except NotPlayed as why:
            left_out += 1
            print(f"local-{name} not played: {why}", flush=True)
        except Exception:  # whatever it is, the others are played
            played += 1
            escapes += 1
            traceback.print_exc()
            print(f"RESULT local-{name} FAILED", flush=True)
    return played, left_out, escapes

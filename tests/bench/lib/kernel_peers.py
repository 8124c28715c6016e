"""The contestants that are part of the kernel or of perftest: for the guest with soft-RoCE only."""

import json
import os
import re
import subprocess
import time

from . import child, load

RAM_DISK_KIB = 256 * 1024


def sh(command):
    done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout


def _wait_for(path):
    for _ in range(1000):
        if os.path.exists(path):
            return
        time.sleep(0.01)
    raise SystemExit(f"{path} does not appear")


class Nvme:
    """The kernel's NVMe over Fabrics, target and host on one device, a RAM disk behind it."""

    TARGET = "/sys/kernel/config/nvmet"

    def __init__(self, address, seconds, queues):
        name = f"usrbio-bench-{queues}"
        sh(f"""
            modprobe -a brd nvmet nvmet-rdma nvme-rdma configfs
            mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
            [ -b /dev/ram0 ]
            mkdir {self.TARGET}/subsystems/{name}
            cd {self.TARGET}/subsystems/{name}
            echo 1 >attr_allow_any_host
            mkdir namespaces/1
            echo /dev/ram0 >namespaces/1/device_path
            echo 1 >namespaces/1/enable
            if [ ! -d {self.TARGET}/ports/1 ]; then
                mkdir {self.TARGET}/ports/1
                cd {self.TARGET}/ports/1
                echo rdma >addr_trtype; echo ipv4 >addr_adrfam
                echo {address} >addr_traddr; echo 4420 >addr_trsvcid
            fi
            ln -s {self.TARGET}/subsystems/{name} {self.TARGET}/ports/1/subsystems/""")
        before = set(os.listdir("/sys/class/nvme")) if os.path.isdir("/sys/class/nvme") else set()
        sh(f"nvme connect -t rdma -a {address} -s 4420 -n {name} -i {queues}")
        device = f"/dev/{sorted(set(os.listdir('/sys/class/nvme')) - before)[-1]}n1"
        _wait_for(device)
        self.engine = ["--ioengine=io_uring", "--direct=1", f"--filename={device}"]
        self.seconds = seconds

    def __call__(self, row):
        return load.fio(row, self.seconds, RAM_DISK_KIB * 1024, self.engine)


class Nfs:
    """NFS over RDMA: the kernel's server and client over the same device, a tmpfs behind it."""

    PORT = 20049

    def __init__(self, address, seconds, directory, size):
        where = f"{directory}.nfs"
        sh(f"""
            modprobe -a nfsd rpcrdma nfsv4
            mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
            mkdir -p /run/rpc_pipefs /var/lib/nfs {where}
            : >/var/lib/nfs/etab
            : >/var/lib/nfs/rmtab
            rpc.mountd -N 2 -N 3
            exportfs -o rw,insecure,no_root_squash,fsid=0 '*:{directory}'
            rpc.nfsd -N 3 -V 4.2 2
            echo rdma {self.PORT} >/proc/fs/nfsd/portlist
            mount -t nfs4 -o rdma,port={self.PORT},vers=4.2 {address}:/ {where}""")
        self.engine = ["--ioengine=io_uring", "--direct=1", f"--filename={where}/nfs"]
        self.seconds, self.size = seconds, size

    def __call__(self, row):
        return load.fio(row, self.seconds, self.size, self.engine)


class Perftest:
    """ib_write_bw and ib_read_bw: one queue pair, one process at each end."""

    def __init__(self, address, seconds):
        self.address, self.seconds = address, seconds

    def measure(self, tool, row):
        argv = [tool, "-d", "rxe0", "-R", "-F", "-s", str(row.block), "-t", str(row.depth),
                "-D", str(self.seconds), "-p", str(7500 + os.getpid() % 400)]
        server = child.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(50):  # the server says nothing when it is ready
            time.sleep(0.2)
            done = subprocess.run(argv + [self.address], capture_output=True, text=True,
                                  check=False)
            if not done.returncode:
                break
        server.wait()
        found = re.findall(r"^ *\d+ +\d+ +[\d.]+ +([\d.]+)\s", done.stdout, re.M)
        if not found:
            raise SystemExit(f"{tool}: {done.stdout}{done.stderr}")
        mib_s = float(found[-1])
        return {"mib_s": mib_s, "iops": mib_s * load.MIB / row.block}

    def __call__(self, row):
        """Server-driven, as ours is: a read I/O is a WRITE on the wire, and the other way round."""
        if row.depth == 1:
            return None
        return self.measure("ib_write_bw" if row.op == "read" else "ib_read_bw", row)


class Bare:
    """The bare exchange of tests/bench/bare: 4 KiB reads without anything above verbs."""

    def __init__(self, build, address, seconds):
        self.argv = [os.path.join(build, "tests/bench/bare/bench_bare"), address]
        self.seconds = seconds

    def __call__(self, row):
        if row.op != "read" or row.block != 4 * load.KIB:
            return None
        out, _ = child.run(self.argv + [str(row.block), str(row.depth), str(self.seconds)])
        return json.loads(out)

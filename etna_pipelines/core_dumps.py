"""No core dumps: what was in memory (rows, keys, passwords) would lie on a disk, for whoever may read that."""


def forbid_core_dumps() -> None:
    """For this process and all that it starts, unless they allow themselves some again. Where the kernel hands dumps to
    a program such as systemd-coredump, that keeps to the same limit."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

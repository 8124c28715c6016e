# The stores and the event loop they stand on.
add_library(store STATIC
  evloop.c evloop_ring.c store.c store_later.c store_null.c store_fault.c
  store_fault_rules.c posix/export.c posix/path.c posix/climb.c posix/reserved.c posix/open.c posix/file.c posix/inode.c
  posix/names.c posix/readdir.c posix/queue.c
  memory/data.c memory/tree.c memory/names.c memory/store.c)
target_link_libraries(store PUBLIC proto common PkgConfig::URING)

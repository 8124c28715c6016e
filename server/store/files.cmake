# The stores, and the event loop and the identity of threads they stand on.
add_library(store STATIC
  base/identity.c base/state.c base/verifier.c manager/kept.c manager/notify.c
  store/barrier.c store/evloop.c store/evloop_ring.c store/fence.c store/store.c
  store/fault/store_fault.c store/fault/store_fault_names.c store/fault/store_fault_rules.c store/fault/store_fault_xattr.c
  store/store_later.c store/store_null.c store/store_open.c
  store/posix/attr.c store/posix/cached.c store/posix/climb.c store/posix/export.c store/posix/file.c store/posix/fs.c
  store/posix/inode.c store/posix/name.c store/posix/names.c
  store/posix/open.c store/posix/xattr.c store/posix/path.c store/posix/io/queue.c store/posix/readdir.c
  store/posix/io/rescue.c store/posix/reserved.c store/posix/stats.c store/posix/io/tmpfs.c store/posix/io/writeback.c
  store/memory/allocate.c store/memory/attr.c store/memory/data.c store/memory/fs.c store/memory/listing.c store/memory/names.c store/memory/store.c store/memory/tree.c
  store/memory/xattr.c store/memory/xattrs.c)
target_link_libraries(store PUBLIC proto common PkgConfig::URING)

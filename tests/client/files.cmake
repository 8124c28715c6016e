# Mount points, shared memory and descriptors: the parts of the library that need no server.
set(CLIENT ${CMAKE_SOURCE_DIR}/client)
set(SPEC ${CLIENT}/spec/mountspec.c ${CLIENT}/spec/mounturl.c ${CLIENT}/spec/mounttable.c)
set(FILES
  ${CLIENT}/api/api_file.c ${CLIENT}/api/api_dir.c ${CLIENT}/api/api_fs.c ${CLIENT}/api/api_fs_at.c
  ${CLIENT}/api/api_fs_attr.c ${CLIENT}/api/api_fs_link.c ${CLIENT}/api/api_fs_statfs.c ${CLIENT}/api/api_fs_xattr.c
  ${CLIENT}/calls/listing.c ${CLIENT}/files/file.c ${CLIENT}/files/file_table.c
  ${CLIENT}/files/kernelfd.c ${CLIENT}/files/path.c ${CLIENT}/files/fd_table.c)
usrbio_unit(spec_test SOURCES spec/spec_url.c spec/spec_table.c spec/spec_names.c spec/spec_dirs.c ${SPEC} LIBS common)
usrbio_unit(shm_test SOURCES shm_open.c shm_limits.c ${CLIENT}/memory/shm.c ${CLIENT}/memory/mem_avail.c LIBS common)
usrbio_unit(files_test SOURCES
  files/files_fake.c files/files_table.c files/files_api.c files/files_fs.c files/files_dir.c spec/spec_dirs.c ${FILES} ${SPEC}
  LIBS proto)
# Threads against the table: a plain program, so that it runs under ThreadSanitizer as well. It
# includes file.c.
set(OTHERS ${FILES})
list(REMOVE_ITEM OTHERS ${CLIENT}/files/file.c)
add_executable(files_race files/files_race.c files/files_fake.c ${OTHERS} ${SPEC})
target_link_libraries(files_race PRIVATE proto)
add_test(NAME files_race COMMAND files_race)
set_tests_properties(files_race PROPERTIES TIMEOUT 120 LABELS tsan
  FAIL_REGULAR_EXPRESSION "${SANITIZER_REPORT}")

# Mount points, shared memory and descriptors: the parts of the library that need no server.
set(CLIENT ${CMAKE_SOURCE_DIR}/client)
set(SPEC ${CLIENT}/mountspec.c ${CLIENT}/mounttable.c)
set(FILES
  ${CLIENT}/api_file.c ${CLIENT}/dir.c ${CLIENT}/fs_at.c ${CLIENT}/listing.c ${CLIENT}/file.c ${CLIENT}/filetable.c
  ${CLIENT}/fs.c ${CLIENT}/kernelfd.c ${CLIENT}/place.c ${CLIENT}/slots.c)
usrbio_unit(spec_test SOURCES spec_url.c spec_table.c spec_names.c spec_dirs.c ${SPEC} LIBS common)
usrbio_unit(shm_test SOURCES shm_open.c shm_limits.c ${CLIENT}/shm.c ${CLIENT}/headroom.c LIBS common)
usrbio_unit(files_test SOURCES
  files_fake.c files_table.c files_api.c files_fs.c files_dir.c spec_dirs.c ${FILES} ${SPEC}
  LIBS proto)
# Threads against the table: a plain program, so that it runs under ThreadSanitizer as well. It
# includes file.c.
set(OTHERS ${FILES})
list(REMOVE_ITEM OTHERS ${CLIENT}/file.c)
add_executable(files_race files_race.c files_fake.c ${OTHERS} ${SPEC})
target_link_libraries(files_race PRIVATE proto)
add_test(NAME files_race COMMAND files_race)
set_tests_properties(files_race PROPERTIES TIMEOUT 120 LABELS tsan
  FAIL_REGULAR_EXPRESSION "${SANITIZER_REPORT}")

foreach(file conn data device domain listener loop)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${file}.c)
endforeach()

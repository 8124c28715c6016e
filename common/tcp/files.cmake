foreach(file conn domain listener post rx state tcp timer tx)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${file}.c)
endforeach()

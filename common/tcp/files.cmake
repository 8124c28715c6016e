foreach(file conn domain listener poll poller post rx send state tcp timer tls tls_context tls_stream tls_wire tx)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${file}.c)
endforeach()
target_link_libraries(common PRIVATE PkgConfig::SSL)

foreach(file tcp poll conn/conn conn/domain conn/listener conn/post conn/rx conn/send conn/state conn/tx
    tls/tls tls/tls_context tls/tls_stream tls/tls_wire base/poller base/timer)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${file}.c)
endforeach()
target_link_libraries(common PRIVATE PkgConfig::SSL)

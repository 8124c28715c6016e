foreach(stem verbs poll device/card device/cm device/device device/mem device/nic device/source device/timer
    conn/conn conn/domain conn/listener conn/qp conn/recv conn/send conn/state conn/wire)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${stem}.c)
endforeach()
target_link_libraries(common PRIVATE PkgConfig::VERBS PkgConfig::RDMACM)

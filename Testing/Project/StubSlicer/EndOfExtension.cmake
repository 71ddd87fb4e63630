# Slicer checks the meta-information here; so do we.
foreach(name HOMEPAGE CATEGORY CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  if("${EXTENSION_${name}}" STREQUAL "" OR "${EXTENSION_${name}}" MATCHES "\n")
    message(FATAL_ERROR "EXTENSION_${name} must be one line of text, it is '${EXTENSION_${name}}'.")
  endif()
endforeach()

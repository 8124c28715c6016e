/* Makes names for files that a copy writes in the final directory, before they are renamed. */
#ifndef USRBIO_TOOL_TEMP_NAME_H
#define USRBIO_TOOL_TEMP_NAME_H

#define TEMP_NAME_SIZE 32 /* bytes, with the final zero */

/* Make a random name. A file may have it already, so create it with O_EXCL. Any thread. */
void temp_name(char name[TEMP_NAME_SIZE]);

#endif

/* The names and the texts of the errors, from the one table in the header. Numbers come from other places too (a
 * snapshot, the kernel), so one that is not in the table is not a bug. */
#include "base/error.h"

const char *error_name(int error)
{
	switch (error) {
#define X(number, status, text) \
	case number:            \
		return #number;
		TOYNET_ERRORS(X)
#undef X
	}
	return "E?";
}

const char *error_text(int error)
{
	switch (error) {
#define X(number, status, text) \
	case number:            \
		return text;
		TOYNET_ERRORS(X)
#undef X
	}
	return "an error that the stack does not know";
}

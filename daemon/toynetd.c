/* toynetd: a TCP/IP stack as a service. Reads the configuration, sets up the driver, runs it. */
#include "host/driver.h"
#include "host/log.h"
#include <stdlib.h>

int main(int argc, char *argv[])
{
	static struct driver driver;
	struct config cfg;
	char why[CONFIG_ERROR_MAX] = "";

	switch (config_read(&cfg, argc, argv, stdout, why)) {
	case CONFIG_DONE:
		return EXIT_SUCCESS;
	case CONFIG_RUN:
		if (driver_open(&driver, &cfg, why))
			return driver_run(&driver);
		break;
	case CONFIG_ERROR:
		break;
	}
	log_line("%s", why);
	return EXIT_FAILURE;
}

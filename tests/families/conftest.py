"""What all tests of families share."""

import pytest
import torch
import transformers

from tests.helpers import families


@pytest.fixture(autouse=True)
def one_thread(name):
    """Skip a family that this transformers lacks; tiny products are slower on several threads than on one."""
    try:
        families.config(name)
    except LookupError as error:
        pytest.skip(str(error))
    transformers.utils.logging.set_verbosity_error()  # about optional kernels
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

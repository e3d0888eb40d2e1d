"""What the demonstration runs on every node: real NumPy and SciPy, from the layer that was deployed."""
import os
import time

started = time.monotonic()
import numpy
import scipy.integrate
import scipy.linalg
import scipy.optimize

imported = time.monotonic()
rng = numpy.random.default_rng(7)
a = rng.standard_normal((300, 300))
b = rng.standard_normal(300)
x = scipy.linalg.solve(a, b)
residual = numpy.abs(a @ x - b).max()
area, _ = scipy.integrate.quad(lambda t: numpy.exp(-t * t), -numpy.inf, numpy.inf)
root = scipy.optimize.brentq(lambda t: numpy.cos(t) - t, 0, 1)
assert residual < 1e-9 and abs(root - 0.739085) < 1e-6
# At most 80 columns behind the node's name.
print(
    f"scipy {scipy.__version__}, uid {os.getuid()}: Ax=b solved, integral {area:.4f}, "
    f"imports {imported - started:.1f} s",
    flush=True,
)

"""The EPS ResNet in TensorFlow with random weights: checkpoints as TensorFlow itself writes them, and its outputs.

    smoother.py golden              writes tests/golden/eps (a narrow one)
    smoother.py full FOLDER FILE…   writes the full-size one and its outputs for pictures to FOLDER

The network is that of Zhu et al. 2019 ("A benchmark for edge-preserving image smoothing", SRGAN_delta); its variables are
named as TensorLayer names them. The optimiser's variables are saved, too, as in the published checkpoint.
"""

import json
import pathlib
import sys

import numpy
import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()
OUT = pathlib.Path("tests/golden/eps")


def variable(name, shape, draw):
    return v1.get_variable(name, initializer=draw(shape).astype(numpy.float32))


def network(x, features, blocks, wide, seed):
    random = numpy.random.default_rng(seed)

    def conv(x, count, name, side=3, bias=True):
        shape = (side, side, int(x.shape[-1]), count)
        scale = 1 / numpy.sqrt(shape[0] * shape[1] * shape[2])
        with v1.variable_scope(name):
            x = tf.nn.conv2d(x, variable("W_conv2d", shape, lambda s: random.normal(0, scale, s)), 1, "SAME")
            return x + variable("b_conv2d", (count,), lambda s: random.normal(0, 0.05, s)) if bias else x

    def norm(x, name):
        shape = (int(x.shape[-1]),)
        with v1.variable_scope(name):
            beta = variable("beta", shape, lambda s: random.normal(0, 0.1, s))
            gamma = variable("gamma", shape, lambda s: random.normal(1, 0.2, s))
            mean = variable("moving_mean", shape, lambda s: random.normal(0, 0.1, s))
            variance = variable("moving_variance", shape, lambda s: random.uniform(0.3, 1.5, s))
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-5)

    with v1.variable_scope("SRGAN_g"):
        first = n = tf.nn.relu(conv(x, features, "n64s1/c"))
        for block in range(blocks):
            inner = tf.nn.relu(norm(conv(n, features, f"n64s1/c1/{block}", bias=False), f"n64s1/b1/{block}"))
            n = n + norm(conv(inner, features, f"n64s1/c2/{block}", bias=False), f"n64s1/b2/{block}")
        n = norm(conv(n, features, "n64s1/c/m", bias=False), "n64s1/b/m") + first
        n = tf.nn.relu(conv(n, wide, "n256s1/1"))
        n = tf.nn.relu(conv(n, wide, "n256s1/2"))
        return x + tf.tanh(conv(n, 3, "out", side=1))


def picture(height, width):
    row, col = numpy.mgrid[0:height, 0:width].astype(numpy.int64)
    channels = [(row * 7 + col * 13 + row * col // 3) % 256, (row * row // 5 + col * 3) % 256, (row ^ col) % 256]
    return numpy.stack(channels, axis=-1).astype(numpy.uint8)


def write(folder, prefix, sizes, pictures, seed):
    folder.mkdir(parents=True, exist_ok=True)
    x = v1.placeholder(tf.float32, [1, None, None, 3])
    y = network(x, *sizes, seed)
    loss = tf.reduce_mean(tf.abs(y))
    step = v1.get_variable("step", initializer=0, trainable=False)
    v1.train.AdamOptimizer(1e-4).minimize(loss)
    saver = v1.train.Saver()
    outputs = []
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(v1.assign(step, 345002))
        saver.save(session, str(folder / prefix), write_meta_graph=False, write_state=False)
        for pixels in pictures:
            raw = session.run(y, {x: pixels[None].astype(numpy.float32) / 127.5 - 1})[0]
            outputs.append(numpy.clip((raw.astype(numpy.float64) + 1) / 2 * 255, 0, 255))
    return outputs


def main():
    if sys.argv[1:] == ["golden"]:
        sizes = [(24, 20), (1, 7)]
        outputs = write(OUT, "model-2", (8, 2, 12), [picture(*size) for size in sizes], 3)
        cases = [
            {"height": size[0], "width": size[1], "output": [round(float(value), 5) for value in output.ravel()]}
            for size, output in zip(sizes, outputs)
        ]
        found = {"versions": {"tensorflow": tf.__version__, "numpy": numpy.__version__}, "cases": cases}
        (OUT / "outputs.json").write_text(json.dumps(found) + "\n")
    elif len(sys.argv) > 3 and sys.argv[1] == "full":
        from PIL import Image

        folder = pathlib.Path(sys.argv[2])
        pictures = [numpy.asarray(Image.open(path).convert("RGB")) for path in sys.argv[3:]]
        for path, output in zip(sys.argv[3:], write(folder, "model-345002", (64, 16, 256), pictures, 4)):
            numpy.save(folder / (pathlib.Path(path).stem + ".npy"), output.astype(numpy.float32))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

"""Relevance of iNNvestigate 2.1.2 as it runs, for small networks with weights from integer arithmetic.

    innvestigate_maps.py golden            writes tests/golden/relevance/innvestigate_<network>.npy
    innvestigate_maps.py one NETWORK FILE  one of them, in a process of its own: TensorFlow keeps its graph

`lrp.sequential_preset_a_flat` on networks without softmax, in graph mode. Keras has channels last, the files channels first.
"""

import json
import pathlib
import subprocess
import sys
from importlib.metadata import version

import numpy

OUT = pathlib.Path("tests/golden/relevance")
SIDE = 20
TARGETS = [1, 4]
NETWORKS = ["padded", "unpadded"]


def noise(name, count):
    """As in networks.py."""
    mark = 0x811C9DC5
    for byte in name.encode():
        mark = (mark ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = (numpy.arange(count, dtype=numpy.uint64) * 2654435761 + mark) & 0xFFFFFFFF
    x ^= x >> numpy.uint64(15)
    x = x * 0x2C1B3C6D & 0xFFFFFFFF
    x ^= x >> numpy.uint64(12)
    x = x * 0x297A2D39 & 0xFFFFFFFF
    x ^= x >> numpy.uint64(15)
    return (x >> numpy.uint64(8)).astype(numpy.float32) / numpy.float32(1 << 24)


def filled(name, shape, norm=False):
    """The numbers of a tensor as PyTorch names and orders it; the rule of networks.py."""
    u = noise(name, int(numpy.prod(shape))).reshape(shape)
    part = name.rsplit(".", 1)[1]
    if norm and part in ("weight", "running_var"):
        return (u + numpy.float32(0.5)) * numpy.float32(0.6)
    if part == "weight":
        return (u * 2 - 1) * numpy.float32((6 / numpy.prod(shape[1:])) ** 0.5)
    return (u * 2 - 1) * numpy.float32(0.2 if norm else 0.1)


def one(kind, path):
    import innvestigate
    import tensorflow as tf
    from tensorflow.keras import layers, models

    tf.compat.v1.disable_eager_execution()
    values = {}

    def conv(x, key, inputs, outputs, kernel, padding, step=1):
        if padding:
            x = layers.ZeroPadding2D(padding)(x)
        layer = layers.Conv2D(outputs, kernel, strides=step, padding="valid")
        x = layer(x)
        weight = filled(f"{key}.weight", (outputs, inputs, kernel, kernel))
        values[layer] = [weight.transpose(2, 3, 1, 0), filled(f"{key}.bias", (outputs,))]
        return x

    def norm(x, key, channels):
        layer = layers.BatchNormalization(epsilon=1e-5)
        x = layer(x)
        values[layer] = [filled(f"{key}.{part}", (channels,), True) for part in ("weight", "bias", "running_mean", "running_var")]
        return x

    def dense(x, key, inputs, outputs):
        layer = layers.Dense(outputs)
        x = layer(x)
        values[layer] = [filled(f"{key}.weight", (outputs, inputs)).T, filled(f"{key}.bias", (outputs,))]
        return x

    relu = lambda x: layers.Activation("relu")(x)
    entry = layers.Input((SIDE, SIDE, 3))
    x = conv(entry, "conv1", 3, 6, 3, 1 if kind == "padded" else 0)
    x = relu(norm(x, "bn1", 6))
    x = pooled = layers.MaxPooling2D(2)(x)
    x = relu(norm(conv(x, "conv2", 6, 8, 3, 1), "bn2", 8))
    x = norm(conv(x, "conv3", 8, 6, 1, 0), "bn3", 6)
    x = relu(layers.Add()([x, pooled]))
    x = relu(conv(x, "conv4", 6, 8, 3, 1, step=2))
    x = layers.GlobalAveragePooling2D()(x)
    x = relu(dense(x, "fc1", 8, 12))
    x = dense(x, "fc2", 12, 5)
    network = models.Model(entry, x)
    tf.compat.v1.keras.backend.get_session().run(tf.compat.v1.global_variables_initializer())
    for layer, weights in values.items():
        layer.set_weights(weights)
    analyser = innvestigate.create_analyzer(
        "lrp.sequential_preset_a_flat", network, disable_model_checks=True, neuron_selection_mode="index")
    pictures = (noise("pictures", 2 * 3 * SIDE * SIDE) * 2 - 1).reshape(2, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    maps = [analyser.analyze(pictures[index:index + 1], target)[0] for index, target in enumerate(TARGETS)]
    numpy.save(path, numpy.stack(maps).transpose(0, 3, 1, 2).astype(numpy.float32))


def golden():
    for kind in NETWORKS:
        subprocess.run([sys.executable, __file__, "one", kind, OUT / f"innvestigate_{kind}.npy"], check=True)
    versions = {name: version(name) for name in ("innvestigate", "tensorflow-cpu")}
    found = {"versions": versions, "side": SIDE, "targets": TARGETS, "networks": NETWORKS}
    (OUT / "innvestigate.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["golden"]:
        golden()
    elif len(sys.argv) == 4 and sys.argv[1] == "one":
        one(sys.argv[2], sys.argv[3])
    else:
        sys.exit(__doc__)

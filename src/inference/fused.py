class Fused(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def conv(self: __torch__.Fused,
    x: Tensor,
    w: Tensor,
    b: Tensor,
    stride: int,
    padding: int,
    groups: int,
    attr: str) -> Tensor:
    _0 = [padding, padding]
    _1 = [stride, stride]
    _2 = annotate(List[Optional[number]], [])
    _3 = ops.mkldnn._convolution_pointwise(x, w, b, _0, _1, [1, 1], groups, attr, _2, "")
    return _3
  def conv_clipped(self: __torch__.Fused,
    x: Tensor,
    w: Tensor,
    b: Tensor,
    stride: int,
    padding: int,
    groups: int) -> Tensor:
    _0 = [padding, padding]
    _1 = [stride, stride]
    _2 = annotate(List[Optional[number]], [0., 6.])
    _3 = ops.mkldnn._convolution_pointwise(x, w, b, _0, _1, [1, 1], groups, "hardtanh", _2, "")
    return _3
  def conv_add(self: __torch__.Fused,
    x: Tensor,
    other: Tensor,
    w: Tensor,
    b: Tensor,
    stride: int,
    padding: int,
    groups: int,
    attr: Optional[str]) -> Tensor:
    _0 = [padding, padding]
    _1 = [stride, stride]
    _2 = annotate(List[Optional[number]], [])
    _3 = ops.mkldnn._convolution_pointwise_(other, x, w, b, _0, _1, [1, 1], groups, "add", 1., attr, _2, "")
    return _3
  def pack(self: __torch__.Fused,
    w: Tensor,
    stride: int,
    padding: int,
    groups: int,
    size: List[int]) -> Tensor:
    _0 = [padding, padding]
    _1 = [stride, stride]
    _2 = ops.mkldnn._reorder_convolution_weight(w, _0, _1, [1, 1], groups, size)
    return _2

//! The names that a pickle may ask for: those that torch 2.11 reads with `weights_only=True`, and a few more of plain
//! values.

/// The type of the numbers of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    /// 32-bit floating point.
    Float,
    /// 16-bit floating point, IEEE.
    Half,
    /// 16-bit floating point, bfloat.
    BFloat16,
    /// 64-bit floating point.
    Double,
    /// 64-bit whole numbers.
    Long,
    /// 32-bit whole numbers.
    Int,
    /// 16-bit whole numbers.
    Short,
    /// 8-bit whole numbers with a sign.
    Char,
    /// 8-bit whole numbers without.
    Byte,
    /// True or false, a byte each.
    Bool,
    /// Bytes whose type the tensors say.
    Untyped,
    /// Complex or quantised numbers of so many bytes each, which no network here has.
    Unread(u8),
}

impl StorageKind {
    /// Bytes of one number.
    pub fn bytes(self) -> u64 {
        match self {
            StorageKind::Char | StorageKind::Byte | StorageKind::Bool | StorageKind::Untyped => 1,
            StorageKind::Half | StorageKind::BFloat16 | StorageKind::Short => 2,
            StorageKind::Float | StorageKind::Int => 4,
            StorageKind::Double | StorageKind::Long => 8,
            StorageKind::Unread(bytes) => u64::from(bytes),
        }
    }

    /// Whether tensors of these numbers are read.
    pub(crate) fn is_read(self) -> bool {
        !matches!(self, StorageKind::Untyped | StorageKind::Unread(_))
    }
}

/// What a name of the list stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// A table, whatever its kind.
    Table,
    /// A table of counts, of which nothing is kept.
    Counter,
    /// Only as the argument of a table that has defaults.
    TableType,
    /// A tensor of a storage.
    RebuildTensor,
    /// The same, of a storage of bytes and a type.
    RebuildTyped,
    /// A tensor of a kind that no network here has.
    RebuildOther(&'static str),
    /// A tensor that is trained.
    Parameter,
    /// A tensor with attributes of its own.
    RebuildFromType,
    /// A tensor that is given its storage afterwards, as torch before 0.4 saved it.
    TensorType,
    /// A tuple of sides.
    Size,
    /// Makes a plain value: bytes, sets, complex numbers, devices, layouts.
    Plain,
    /// A type of numbers, which is never called; `None` where tensors of it are not read.
    NumberType(Option<StorageKind>),
    /// A storage.
    Storage(StorageKind),
}

/// The entry of a name, by exact module and name.
pub fn global(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict" | "defaultdict") => Global::Table,
        ("collections", "Counter") => Global::Counter,
        ("builtins" | "__builtin__", "dict") => Global::TableType,
        ("builtins" | "__builtin__", "set" | "frozenset" | "bytearray" | "bytes" | "complex") => Global::Plain,
        ("_codecs", "encode") | ("torch", "device") | ("torch.serialization", "_get_layout") => Global::Plain,
        ("torch", "Size") => Global::Size,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_tensor_v3") => Global::RebuildTyped,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::Parameter,
        ("torch.nn.parameter", "Parameter") => Global::Parameter,
        ("torch._tensor" | "torch.tensor", "_rebuild_from_type_v2") => Global::RebuildFromType,
        ("torch._utils", "_rebuild_sparse_tensor") => Global::RebuildOther("a sparse tensor"),
        ("torch._utils", "_rebuild_qtensor") => Global::RebuildOther("a quantised tensor"),
        ("torch._utils", "_rebuild_nested_tensor") => Global::RebuildOther("a nested tensor"),
        ("torch._utils", "_rebuild_meta_tensor_no_storage") => {
            Global::RebuildOther("a tensor without its numbers (meta)")
        }
        ("torch._utils", "_rebuild_wrapper_subclass") => Global::RebuildOther("a tensor of a device's own kind"),
        ("torch._utils", "_rebuild_device_tensor_from_numpy" | "_rebuild_device_tensor_from_cpu_tensor") => {
            Global::RebuildOther("a tensor of a device's own kind")
        }
        ("torch.storage", "UntypedStorage") => Global::Storage(StorageKind::Untyped),
        ("torch.sparse" | "torch.cuda.sparse", name) if element(name.strip_suffix("Tensor")?).is_some() => {
            Global::RebuildOther("a sparse tensor")
        }
        ("torch" | "torch.cuda", name) => match (name.strip_suffix("Storage"), name.strip_suffix("Tensor")) {
            (Some(element), _) => Global::Storage(self::element(element)?),
            (_, Some("")) => Global::TensorType,
            (_, Some(element)) => self::element(element).filter(|kind| kind.is_read()).map(|_| Global::TensorType)?,
            _ if module == "torch" => Global::NumberType(number_type(name)?),
            _ => return None,
        },
        _ => return None,
    })
}

/// The numbers of a storage's class.
fn element(name: &str) -> Option<StorageKind> {
    Some(match name {
        "Float" => StorageKind::Float,
        "Half" => StorageKind::Half,
        "BFloat16" => StorageKind::BFloat16,
        "Double" => StorageKind::Double,
        "Long" => StorageKind::Long,
        "Int" => StorageKind::Int,
        "Short" => StorageKind::Short,
        "Char" => StorageKind::Char,
        "Byte" => StorageKind::Byte,
        "Bool" => StorageKind::Bool,
        "ComplexFloat" => StorageKind::Unread(8),
        "ComplexDouble" => StorageKind::Unread(16),
        "QInt32" => StorageKind::Unread(4),
        "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => StorageKind::Unread(1),
        _ => return None,
    })
}

/// The numbers of a `dtype`, or `Some(None)` for a name of torch's that is never called and whose tensors are not read.
fn number_type(name: &str) -> Option<Option<StorageKind>> {
    const UNREAD: [&str; 41] = [
        "uint16",
        "uint32",
        "uint64",
        "complex32",
        "complex64",
        "complex128",
        "float8_e4m3fn",
        "float8_e4m3fnuz",
        "float8_e5m2",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
        "float4_e2m1fn_x2",
        "qint8",
        "qint32",
        "quint8",
        "quint4x2",
        "quint2x4",
        "bits8",
        "bits16",
        "bits1x8",
        "bits2x4",
        "bits4x2",
        "int1",
        "int2",
        "int3",
        "int4",
        "int5",
        "int6",
        "int7",
        "uint1",
        "uint2",
        "uint3",
        "uint4",
        "uint5",
        "uint6",
        "uint7",
        "per_tensor_affine",
        "per_tensor_symmetric",
        "per_channel_affine",
        "per_channel_symmetric",
        "per_channel_affine_float_qparams",
    ];
    let read = match name {
        "float32" => StorageKind::Float,
        "float16" => StorageKind::Half,
        "bfloat16" => StorageKind::BFloat16,
        "float64" => StorageKind::Double,
        "int64" => StorageKind::Long,
        "int32" => StorageKind::Int,
        "int16" => StorageKind::Short,
        "int8" => StorageKind::Char,
        "uint8" => StorageKind::Byte,
        "bool" => StorageKind::Bool,
        name => return UNREAD.contains(&name).then_some(None),
    };
    Some(Some(read))
}

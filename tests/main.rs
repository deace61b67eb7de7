#[test]
fn a() { let _ = tch::Cuda::is_available(); lgf::hi(); }

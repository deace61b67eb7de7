use lgf::models::*; use tch::{Tensor,Kind};
fn main() -> lgf::Result<()> {
    let net = Network::load("vgg16","/tmp/w/vgg16.pth",Device::Cpu)?.folded()?;
    let dbl = Network::load("vgg16","/tmp/w/vgg16.pth",Device::Cpu)?.folded()?.in_precision(Precision::Double);
    let files: Vec<String> = std::env::args().skip(1).collect();
    let crops: Vec<_> = files.iter().map(|f| lgf::pixels::imagenet_crop(&lgf::pixels::decode(f).unwrap()).unwrap()).collect();
    let x = to_input(&crops,&Normalisation::imagenet(),Device::Cpu)?;
    let n = net.nodes().len();
    let all = vec![true;n+1];
    let a = net.activations(&x,&all)?; let b = dbl.activations(&x,&all)?;
    let few: Vec<bool> = (0..=n).map(|i| i>0 && matches!(net.nodes()[i-1].layer, Layer::Relu|Layer::MaxPool{..})).collect();
    let c = net.activations(&x,&few)?;
    for (i,node) in net.nodes().iter().enumerate() {
        if !few[i+1] {continue}
        let e=|t:&Tensor,u:&Tensor| (t.to_kind(Kind::Double)-u).norm().double_value(&[])/u.norm().double_value(&[]);
        let flips = if let Layer::MaxPool{..}=node.layer { 
            let f=|t:&Tensor| t.max_pool2d_with_indices([2,2],[2,2],[0,0],[1,1],false).1;
            let p=node.inputs[0];
            (f(a.at(p)?).ne_tensor(&f(b.at(p)?)).sum(Kind::Int64).int64_value(&[]), f(c.at(p)?).ne_tensor(&f(b.at(p)?)).sum(Kind::Int64).int64_value(&[]), a.at(i+1)?.numel(), a.at(p)?.is_contiguous())
        } else {(0,0,0,false)};
        println!("{} {:e} {:e} {:?}",node.name,e(a.at(i+1)?,b.at(i+1)?),e(c.at(i+1)?,b.at(i+1)?),flips);
    }
    Ok(())
}

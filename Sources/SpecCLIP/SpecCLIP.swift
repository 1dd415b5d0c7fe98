// SpecCLIP

// Lines and bands that spectroscopists look for first: vacuum wavelengths in Å (NIST; bands by their middle or head).
// Those of rank 1 are named before others where room is short.

export const lines = [
  { x: 3836.47, label: "H9" },
  { x: 3890.17, label: "H8" },
  { x: 3934.78, label: "Ca II K", rank: 1 },
  { x: 3969.59, label: "Ca II H" },
  { x: 3971.20, label: "Hε" },
  { x: 4078.86, label: "Sr II" },
  { x: 4102.90, label: "Hδ", rank: 1 },
  { x: 4227.92, label: "Ca I" },
  { x: 4305.61, label: "G band", rank: 1 },
  { x: 4341.69, label: "Hγ", rank: 1 },
  { x: 4472.73, label: "He I" },
  { x: 4687.02, label: "He II" },
  { x: 4862.69, label: "Hβ", rank: 1 },
  { x: 5168.76, label: "Mg b₄" },
  { x: 5174.13, label: "Mg b₂", rank: 1 },
  { x: 5185.05, label: "Mg b₁" },
  { x: 5271.00, label: "Fe I" },
  { x: 5877.25, label: "He I" },
  { x: 5891.58, label: "Na D₂", rank: 1 },
  { x: 5897.56, label: "Na D₁" },
  { x: 6498.70, label: "Ba II" },
  { x: 6564.61, label: "Hα", rank: 1 },
  { x: 6709.66, label: "Li I" },
  { x: 7056.00, label: "TiO" },
  { x: 7667.01, label: "K I" },
  { x: 7701.08, label: "K I" },
  { x: 7774.08, label: "O I" },
  { x: 8185.51, label: "Na I" },
  { x: 8197.08, label: "Na I" },
  { x: 8500.35, label: "Ca II T" },
  { x: 8544.44, label: "Ca II T", rank: 1 },
  { x: 8664.52, label: "Ca II T" },
  { x: 9017.39, label: "Pa 10" },
  { x: 9231.55, label: "Pa 9" },
  { x: 9548.59, label: "Pa ε" },
  { x: 10052.13, label: "Pa δ" },
];

/** Absorbed by the air, at rest with the observer. */
export const telluric = [
  { x: 6869.1, label: "O₂ B", kind: "air" },
  { x: 7596.0, label: "O₂ A", kind: "air" },
];

/** Stretches to look at, as low and high. */
export const regions = [
  { name: "Ca II H, K", from: 3880, to: 4020 },
  { name: "Hδ", from: 4040, to: 4165 },
  { name: "G band, Hγ", from: 4270, to: 4380 },
  { name: "Hβ", from: 4800, to: 4925 },
  { name: "Mg b", from: 5110, to: 5300 },
  { name: "Na D", from: 5830, to: 5960 },
  { name: "Hα", from: 6490, to: 6640 },
  { name: "Ca II triplet", from: 8450, to: 8720 },
];

const speedOfLight = 299_792.458;

/** By what wavelengths at rest are multiplied when the star moves by so many km/s. */
export const doppler = (velocity) => 1 + velocity / speedOfLight;

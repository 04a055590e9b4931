/** A colour for each class, far from its neighbours' whatever the number: hues turn by the golden angle. */
export const hueOf = (index: number): number => Math.round((index * 137.508 + 205) % 360);

export const colourOf = (index: number, alpha = 1): string => `hsl(${hueOf(index)} 90% 58% / ${alpha})`;

/** Red, green and blue, 0 to 255, of the same colour. */
export function rgbOf(index: number): [number, number, number] {
  const [hue, saturation, lightness] = [hueOf(index), 0.9, 0.58];
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

"""The classes of data sets: names of those with too many to list beside their reader, and display colours."""

from collections.abc import Sequence

from weather_perception.core.contract import SemanticClass


def voc_colour(index: int) -> tuple[int, int, int]:
    """Colour of a class id, 0..255, in PASCAL VOC's palette: three bits of the id at a time, spread over R, G and B."""
    red = green = blue = 0
    for bit in range(7, -1, -1):
        red |= (index & 1) << bit
        green |= (index >> 1 & 1) << bit
        blue |= (index >> 2 & 1) << bit
        index >>= 3
    return red, green, blue


def coloured(names: Sequence[str], first: int = 0) -> tuple[SemanticClass, ...]:
    """Classes of these names in VOC's palette; the first class takes colour number `first`."""
    return tuple(SemanticClass(name.strip(), voc_colour(first + index)) for index, name in enumerate(names))


def split_names(text: str) -> tuple[str, ...]:
    """Names separated by white space; an underscore is a blank within a name."""
    return tuple(name.replace("_", " ") for name in text.split())


ADE20K_NAMES = split_names("""
wall building sky floor tree ceiling road bed windowpane grass cabinet sidewalk person earth door table mountain
plant curtain chair car water painting sofa shelf house sea mirror rug field armchair seat fence desk rock wardrobe
lamp bathtub railing cushion base box column signboard chest_of_drawers counter sand sink skyscraper fireplace
refrigerator grandstand path stairs runway case pool_table pillow screen_door stairway river bridge bookcase blind
coffee_table toilet flower book hill bench countertop stove palm kitchen_island computer swivel_chair boat bar
arcade_machine hovel bus towel light truck tower chandelier awning streetlight booth television_receiver airplane
dirt_track apparel pole land bannister escalator ottoman bottle buffet poster stage van ship fountain conveyer_belt
canopy washer plaything swimming_pool stool barrel basket waterfall tent bag minibike cradle oven ball food step
tank trade_name microwave pot animal bicycle lake dishwasher screen blanket sculpture hood sconce vase traffic_light
tray ashcan fan pier crt_screen plate monitor bulletin_board shower radiator glass clock flag
""")
"""The 150 classes of ADE20K's scene parsing benchmark, by the first name of each."""

COCO_STUFF_NAMES = split_names("""
person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant street_sign stop_sign
parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe hat backpack umbrella shoe eye_glasses
handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat baseball_glove skateboard surfboard
tennis_racket bottle plate wine_glass cup fork knife spoon bowl banana apple sandwich orange broccoli carrot hot_dog
pizza donut cake chair couch potted_plant bed mirror dining_table window desk toilet door tv laptop mouse remote
keyboard cell_phone microwave oven toaster sink refrigerator blender book clock vase scissors teddy_bear hair_drier
toothbrush hair_brush banner blanket branch bridge building-other bush cabinet cage cardboard carpet ceiling-other
ceiling-tile cloth clothes clouds counter cupboard curtain desk-stuff dirt door-stuff fence floor-marble floor-other
floor-stone floor-tile floor-wood flower fog food-other fruit furniture-other grass gravel ground-other hill house
leaves light mat metal mirror-stuff moss mountain mud napkin net paper pavement pillow plant-other plastic platform
playingfield railing railroad river road rock roof rug salad sand sea shelf sky-other skyscraper snow solid-other
stairs stone straw structural-other table tent textile-other towel tree vegetable wall-brick wall-concrete
wall-other wall-panel wall-stone wall-tile wall-wood water-other waterdrops window-blind window-other wood
""")
"""COCO's 91 things, of which eleven were never labelled, then the 91 kinds of stuff."""
